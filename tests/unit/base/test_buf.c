#include "base/buf.h"
#include "t.h"

static void appends(void)
{
    AUTO_BUF struct buf b;
    buf_init(&b, 1 << 20);
    T_EQ_STR(buf_text(&b), "", "empty");
    buf_puts(&b, "a");
    buf_putc(&b, 'b');
    buf_printf(&b, "%05d", 42);
    T_EQ_STR(buf_text(&b), "ab00042", "text");
    buf_cut(&b, 2);
    T_EQ_STR(buf_text(&b), "ab", "cut");
}

static void keeps_to_its_maximum(void)
{
    AUTO_BUF struct buf b;
    buf_init(&b, 4);
    buf_puts(&b, "abcd");
    T_EQ_INT(buf_check(&b, NULL), 0, "exactly full");
    buf_putc(&b, 'e');
    T_EQ_INT(buf_check(&b, NULL), ERR_TOO_LARGE, "one more");
    T_EQ_STR(buf_text(&b), "abcd", "nothing half written");
}

T_MAIN(appends, keeps_to_its_maximum)
