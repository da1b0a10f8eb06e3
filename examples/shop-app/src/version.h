#define SHOP_VERSION "1.0"
