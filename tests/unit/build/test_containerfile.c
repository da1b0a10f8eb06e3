#include "base/own.h"
#include "build/containerfile.h"
#include "t.h"

static int parse(const char *text, struct arena *a, struct containerfile *f, struct err *e)
{
    return containerfile_parse("Containerfile", text, strlen(text), a, f, e);
}

static void reads_lines(void)
{
    static const char text[] = "# comment\n"
                               "FROM a AS b\n"
                               "\n"
                               "run echo one \\\n"
                               "  # inside\n"
                               "\n"
                               "  two \\ \n"
                               "  three\n"
                               "CMD [\"a b\", \"c\"]\n"
                               "ENTRYPOINT [not json]\n"
                               "COPY --from=x --chown=1:2 a \"b c\" /d/\n";
    struct err e = {0};
    struct containerfile f = {0};
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    T_RC(parse(text, a, &f, &e), &e, "parse");
    T_EQ_INT(f.n, 5, "instructions");
    if (f.n != 5)
        return;
    T_EQ_INT(f.list[1].line, 4, "line");
    T_EQ_STR(f.list[1].name, "RUN", "name");
    T_EQ_STR(f.list[1].rest, "echo one   two   three", "joined");
    T_OK(f.list[2].is_json && f.list[2].n_words == 2, "json");
    T_EQ_STR(f.list[2].words[0], "a b", "json word");
    T_OK(!f.list[3].is_json, "not json");
    T_EQ_STR(instruction_flag(&f.list[4], "from"), "x", "flag");
    T_EQ_STR(instruction_flag(&f.list[4], "chown"), "1:2", "flag");
    T_OK(!instruction_flag(&f.list[4], "link"), "no flag");
    T_EQ_INT(f.list[4].n_words, 3, "words");
    T_EQ_STR(f.list[4].words[1], "\"b c\"", "quoted word");
}

static void reads_heredocs(void)
{
    static const char text[] = "FROM a\n"
                               "RUN <<EOF\n"
                               "one $X\n"
                               "# two\n"
                               "EOF\n"
                               "COPY <<-'A' <<B /dir/\n"
                               "\ttab\n"
                               "\tA\n"
                               "b $Y\n"
                               "B\n"
                               "RUN cat <<<\"here\" && echo 1 << 2\n";
    struct err e = {0};
    struct containerfile f = {0};
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    T_RC(parse(text, a, &f, &e), &e, "parse");
    T_EQ_INT(f.n, 4, "instructions");
    if (f.n != 4)
        return;
    T_EQ_INT(f.list[1].n_heredocs, 1, "one");
    T_EQ_STR(f.list[1].heredocs[0].text, "one $X\n# two\n", "text");
    T_EQ_STR(f.list[1].raw, "<<EOF\none $X\n# two\nEOF\n", "raw");
    T_EQ_INT(f.list[2].n_heredocs, 2, "two");
    T_EQ_STR(f.list[2].heredocs[0].text, "tab\n", "tabs are stripped");
    T_OK(!f.list[2].heredocs[0].expand && f.list[2].heredocs[1].expand, "quoted");
    T_EQ_STR(f.list[2].heredocs[1].text, "b $Y\n", "second");
    T_EQ_INT(f.list[3].n_heredocs, 0, "none");
}

static void obeys_directives(void)
{
    struct err e = {0};
    struct containerfile f = {0};
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    T_RC(parse("# syntax=docker/dockerfile:1\n# escape = `\nFROM a\nRUN dir c:\\ `\n more\n", a, &f,
               &e),
         &e, "parse");
    T_EQ_INT(f.escape, '`', "escape");
    T_EQ_STR(f.n == 2 ? f.list[1].rest : "", "dir c:\\  more", "joined");
    T_RC(parse("# not a directive\n# escape=`\nFROM a\nRUN x \\\n y\n", a, &f, &e), &e, "too late");
    T_EQ_INT(f.escape, '\\', "escape");
    T_RC(parse("\xef\xbb\xbf"
               "FROM a\r\nRUN b\r\n",
               a, &f, &e),
         &e, "windows");
    T_EQ_STR(f.n == 2 ? f.list[1].rest : "", "b", "no carriage return");
}

static void names_what_is_wrong(void)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"",                       "Containerfile has no instructions"                  },
        {"# only a comment\n",     "Containerfile has no instructions"                  },
        {"FROM a\n\nFORM b\n",     "Containerfile:3: unknown instruction \"FORM\""      },
        {"FROM a\nRUN\n",          "Containerfile:2: RUN requires at least one argument"},
        {"FROM a\nRUN <<EOF\nx\n", "Containerfile:2: the here-document EOF does not end"},
        {"# escape=x\nFROM a\n",   "Containerfile:1: escape must be \\ or `, not \"x\"" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err e = {0};
        struct containerfile f;
        AUTO(arena) struct arena *a = arena_new(1 << 20);
        T_EQ_INT(parse(cases[i].text, a, &f, &e), ERR_INVALID, cases[i].text);
        T_EQ_STR(e.msg, cases[i].message, cases[i].text);
    }
}

T_MAIN(reads_lines, reads_heredocs, obeys_directives, names_what_is_wrong)
