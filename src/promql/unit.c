#include "promql/unit.h"

#include <string.h>

#include "base/own.h"

double unit_seconds(const char *text, size_t *out_n)
{
    static const struct {
        const char *unit;
        double seconds;
    } units[] = {
        {"ns",  1e-9    },
        {"us",  1e-6    },
        {"µs", 1e-6    },
        {"ms",  1e-3    },
        {"s",   1       },
        {"m",   60      },
        {"h",   3600    },
        {"d",   86400   },
        {"w",   604800  },
        {"y",   31536000},
    };
    for (size_t i = 0; i < ARRAY_LEN(units); i++) { /* ms stands before m */
        size_t n = strlen(units[i].unit);
        if (strncmp(text, units[i].unit, n) == 0) {
            *out_n = n;
            return units[i].seconds;
        }
    }
    return 0;
}
