/* Each reader on a file: what it says, or why it cannot be read. */
#include "scan/inventory.h"

#include <zlib.h>

#include "base/buf.h"
#include "t.h"

static struct arena *a;

/* "ecosystem name version [licence] (dev);…" */
static const char *text_of(const struct inventory *inv)
{
    char *s = arena_strdup(a, "");
    for (size_t i = 0; i < inv->n; i++) {
        const struct package *p = &inv->packages[i];
        s = arena_printf(a, "%s%s %s %s%s%s%s%s;", s, p->ecosystem, p->name, p->version,
                         *p->licence ? " [" : "", p->licence, *p->licence ? "]" : "",
                         p->dev ? " (dev)" : "");
    }
    return s;
}

static void reads(void)
{
    static const struct {
        const char *path, *text, *want;
    } cases[] = {
        {"/var/lib/dpkg/status",
         "Package: libc6\nStatus: install ok installed\nSource: glibc (2.36-9)\nVersion: "
         "2.36-9+b1\n\n"
         "Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n",                                               "OS glibc 2.36-9;"                                         },
        {"/var/lib/dpkg/status.d/base",     "Package: base-files\nVersion: 12\n",                                        "OS base-files 12;"                                        },
        {"/lib/apk/db/installed",           "P:musl\nV:1.2.3-r4\nL:MIT\n\nP:libssl3\no:openssl\nV:3.0-r0\n\n",
         "OS musl 1.2.3-r4 [MIT];OS openssl 3.0-r0;"                                                                                                                                },
        {"/package-lock.json",
         "{\"packages\":{\"\":{\"version\":\"1\"},\"node_modules/a\":{\"version\":\"2\","
         "\"license\":\"MIT\"},\"node_modules/a/node_modules/@s/"
         "b\":{\"version\":\"3\",\"dev\":true},"
         "\"node_modules/l\":{\"link\":true,\"version\":\"9\"}}}",                                                       "npm a 2 [MIT];npm @s/b 3 (dev);"                          },
        {"/package-lock.json",
         "{\"dependencies\":{\"a\":{\"version\":\"1\",\"dependencies\":{\"b\":{\"version\":\"2\"}}}"
         ","
         "\"c\":{\"version\":\"file:../c\"}}}",                                                                          "npm a 1;npm b 2;"                                         },
        {"/x/node_modules/a/package.json",
         "{\"name\":\"a\",\"version\":\"1.0\",\"license\":{\"type\":\"ISC\"}}",                                          "npm a 1.0 [ISC];"                                         },
        {"/yarn.lock",
         "# yarn lockfile v1\n\n\"@s/a@^1\", \"@s/a@^1.2\":\n  version \"1.2.3\"\n  dependencies:\n"
         "    b \"1\"\nb@1:\n  version \"1.0.0\"\nc@npm:d@2:\n  version \"2.0\"\n",                                      "npm @s/a 1.2.3;npm b 1.0.0;npm d 2.0;"                    },
        {"/yarn.lock",
         "__metadata:\n  version: 6\n\n\"a@npm:^1\":\n  version: 1.5.0\n  resolution: "
         "\"a@npm:1.5.0\"\n"
         "\"me@workspace:.\":\n  version: 0.0.0-use.local\n  resolution: \"me@workspace:.\"\n",                          "npm a 1.5.0;"                                             },
        {"/pnpm-lock.yaml",
         "lockfileVersion: '6.0'\npackages:\n  /@s/a@1.0.0(b@2.0.0):\n    dev: true\n  /b@2.0.0:\n"
         "    dev: false\n  /c/3.0.0_b@2.0.0:\n    dev: false\n  d@4.0.0: {}\n",                                         "npm @s/a 1.0.0 (dev);npm b 2.0.0;npm c 3.0.0;npm d 4.0.0;"},
        {"/bun.lock",                       "{\"packages\": {\n \"a\": [\"a@1.2.14\", \"\", {}, \"sha\"],\n},\n}",
         "npm a 1.2.14;"                                                                                                                                                            },
        {"/a-1.dist-info/METADATA",
         "Metadata-Version: 2.1\nName: a\nVersion: 1.0\nLicense: UNKNOWN\n"
         "Classifier: License :: OSI Approved :: MIT License\n\nName: b\n",                                              "PyPI a 1.0 [MIT License];"                                },
        {"/requirements.txt",
         "A[x]==1.0 ; python_version>'3'\n# c==2\nd>=2\n-e .\ne == 3.0 \\\n  --hash=x\nf==1.*\n",                        "PyPI A 1.0;PyPI e 3.0;"                                   },
        {"/poetry.lock",
         "[[package]]\nname='a'\nversion='1'\ncategory='dev'\n[[package]]\nname='b'\nversion='2'\n"
         "[[package]]\nname='c'\nversion='3'\ngroups=['docs']\n",                                                        "PyPI a 1 (dev);PyPI b 2;PyPI c 3 (dev);"                  },
        {"/uv.lock",
         "[[package]]\nname='me'\nversion='0'\nsource={virtual='.'}\n[[package]]\nname='a'"
         "\nversion='1'\n",                                                                                              "PyPI a 1;"                                                },
        {"/pylock.toml",                    "[[packages]]\nname='a'\nversion='1'\n",                                     "PyPI a 1;"                                                },
        {"/Pipfile.lock",
         "{\"default\":{\"a\":{\"version\":\"==1\"}},\"develop\":{\"b\":{\"version\":\"==2\"}}}",                        "PyPI a 1;PyPI b 2 (dev);"                                 },
        {"/go.mod",
         "module me\ngo 1.21\nrequire (\n\ta.b/c v1.2.3 // indirect\n\td v1.0.0\n)\nrequire e "
         "v2.0.0\n"
         "replace d => ./d\nreplace e v2.0.0 => f v2.1.0\n",                                                             "Go a.b/c v1.2.3;Go f v2.1.0;"                             },
        {"/go.sum",                         "a v1.0.0 h1:x\na v1.0.0/go.mod h1:y\nb v1.1.0/go.mod h1:z\n",               "Go a v1.0.0;"                                             },
        {"/Cargo.lock",
         "[[package]]\nname='me'\nversion='0'\n[[package]]\nname='a'\nversion='1'\n"
         "source='registry+https://github.com/rust-lang/crates.io-index'\n",                                             "crates.io a 1;"                                           },
        {"/pom.xml",
         "<?xml version=\"1.0\"?><project><groupId>g</groupId><version>7</version><!-- <x> -->"
         "<properties><v>1.${w}</v><w>5</w><loop>${loop}</loop></"
         "properties><dependencyManagement><dependencies><dependency>"
         "<groupId>g</groupId><artifactId>managed</artifactId><version>2</version></dependency></"
         "dependencies>"
         "</dependencyManagement><dependencies><dependency><groupId>g</groupId><artifactId>a</"
         "artifactId>"
         "<version>${v}</version></dependency><dependency><groupId>${project.groupId}</groupId>"
         "<artifactId>managed</artifactId><scope>test</scope></dependency><dependency><groupId>g</"
         "groupId>"
         "<artifactId>b</artifactId><version>${loop}</version></dependency></dependencies></"
         "project>",                                                                                                     "Maven g:a 1.5;Maven g:managed 2 (dev);"                   },
        {"/gradle.lockfile",                "# c\ng:a:1.0=compileClasspath\nempty=\n",                                   "Maven g:a 1.0;"                                           },
        {"/build.sbt.lock",
         "{\"dependencies\":[{\"org\":\"g\",\"name\":\"a\",\"version\":\"1\",\"configurations\":["
         "\"test\"]}]}",                                                                                                 "Maven g:a 1 (dev);"                                       },
        {"/Gemfile.lock",
         "GIT\n  specs:\n    z (1)\nGEM\n  remote: x\n  specs:\n    a (1.0-x86_64-linux)\n      b "
         "(~> 2)\n    b (2.1)\n\nPLATFORMS\n  ruby\n",                                                                   "RubyGems a 1.0;RubyGems b 2.1;"                           },
        {"/specifications/a-1.gemspec",
         "Gem::Specification.new do |s|\n  s.name = \"a\".freeze\n  s.version = \"1.2\"\n  "
         "s.licenses = [\"MIT\".freeze]\nend\n",                                                                         "RubyGems a 1.2 [MIT];"                                    },
        {"/composer.lock",
         "{\"packages\":[{\"name\":\"v/"
         "a\",\"version\":\"v1.0\",\"license\":[\"MIT\"]}],\"packages-dev\":[{\"name\":\"v/"
         "b\",\"version\":\"2\"}]}",                                                                                     "Packagist v/a v1.0 [MIT];Packagist v/b 2 (dev);"          },
        {"/vendor/composer/installed.json", "[{\"name\":\"v/a\",\"version\":\"1\"}]",
         "Packagist v/a 1;"                                                                                                                                                         },
        {"/packages.lock.json",
         "{\"dependencies\":{\"net6\":{\"A\":{\"type\":\"Direct\",\"resolved\":\"1\"},\"Me\":{"
         "\"type\":\"Project\"}}}}",                                                                                     "NuGet A 1;"                                               },
        {"/x.deps.json",
         "{\"libraries\":{\"A/1.0\":{\"type\":\"package\"},\"Me/1\":{\"type\":\"project\"}}}",                           "NuGet A 1.0;"                                             },
        {"/packages.config",
         "<packages><package id=\"A&amp;B\" version='1.0' "
         "developmentDependency=\"true\"/></packages>",                                                                  "NuGet A&B 1.0 (dev);"                                     },
        {"/Directory.Packages.props",
         "<Project><PackageVersion Include=\"A\" Version=\"1\"/><PackageVersion Include=\"B\" "
         "Version=\"$(V)\"/></Project>",                                                                                 "NuGet A 1;"                                               },
        {"/conan.lock",                     "{\"requires\":[\"zlib/1.2.13#r%1\"],\"build_requires\":[\"cmake/3@u/c\"]}",
         "ConanCenter zlib 1.2.13;ConanCenter cmake 3 (dev);"                                                                                                                       },
        {"/pubspec.lock",
         "packages:\n  a:\n    source: hosted\n    version: \"1.0\"\n  b:\n    source: sdk\n    "
         "version: \"0\"\n",                                                                                             "Pub a 1.0;"                                               },
        {"/mix.lock",                       "%{\n  \"a\": {:hex, :a, \"1.0\", \"x\"},\n  \"b\": {:git, \"u\"},\n}",
         "Hex a 1.0;"                                                                                                                                                               },
        {"/Package.resolved",
         "{\"pins\":[{\"location\":\"https://github.com/x/"
         "y.git\",\"state\":{\"version\":\"1.0\"}}]}",                                                                   "SwiftURL github.com/x/y 1.0;"                             },
        {"/Podfile.lock",                   "PODS:\n  - A (1.0):\n    - B (= 2)\n  - B (2)\n",
         "CocoaPods A 1.0;CocoaPods B 2;"                                                                                                                                           },
        {"/conda-meta/a.json",              "{\"name\":\"a\",\"version\":\"1\",\"license\":\"MIT\"}",
         "Conda a 1 [MIT];"                                                                                                                                                         },
        {"/package-lock.json",              "{",                                                                         "invalid"                                                  },
        {"/poetry.lock",                    "[[package]\n",                                                              "invalid"                                                  },
        {"/x.jar",                          "PK not",                                                                    "invalid"                                                  },
        {"/var/lib/rpm/Packages",           "x",                                                                         "unsupported"                                              },
        {"/var/lib/rpm/rpmdb.sqlite",       "x",                                                                         "invalid"                                                  },
        {"/package-lock.json",              "{\"packages\":{\"node_modules/a\\u001b[2J\":{\"version\":\"1\"}}}",
         ""                                                                                                                                                                         },
        {"/unknown",                        "",                                                                          "unsupported"                                              },
    };
    a = arena_new(0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct inventory inv;
        struct err e = {0};
        int r =
            inventory_read(cases[i].path, cases[i].text, strlen(cases[i].text), "OS", a, &inv, &e);
        T_EQ_STR(r < 0 ? err_code_name(r) : text_of(&inv), cases[i].want, cases[i].path);
    }
    arena_free(a);
}

/* ---- archives and databases, made here ---- */

static void put16(struct buf *b, unsigned v)
{
    buf_putc(b, (char)(v & 0xff));
    buf_putc(b, (char)(v >> 8));
}

static void put32(struct buf *b, unsigned long v)
{
    put16(b, v & 0xffff);
    put16(b, (v >> 16) & 0xffff);
}

/* A zip of one stored file. */
/* One entry of `n` bytes, stored, or packed as `raw`. */
static void zip_as(struct buf *out, const char *name, const void *text, size_t n,
                   const struct buf *raw)
{
    unsigned long crc = crc32(0, text, (unsigned)n);
    size_t at = out->len, packed = raw ? raw->len : n;
    buf_add(out, "PK\3\4", 4);
    for (int i = 0; i < 5; i++)
        put16(out, i == 0 ? 20 : i == 2 && raw ? 8 : 0);
    put32(out, crc);
    put32(out, packed);
    put32(out, n);
    put16(out, (unsigned)strlen(name));
    put16(out, 0);
    buf_puts(out, name);
    buf_add(out, raw ? raw->data : text, packed);
    size_t central = out->len - at;
    buf_add(out, "PK\1\2", 4);
    put16(out, 20);
    for (int i = 0; i < 5; i++)
        put16(out, i == 0 ? 20 : i == 2 && raw ? 8 : 0);
    put32(out, crc);
    put32(out, packed);
    put32(out, n);
    put16(out, (unsigned)strlen(name));
    for (int i = 0; i < 8; i++)
        put16(out, 0);
    buf_puts(out, name);
    size_t size = out->len - at - central;
    buf_add(out, "PK\5\6", 4);
    put32(out, 0);
    put16(out, 1);
    put16(out, 1);
    put32(out, size);
    put32(out, central);
    put16(out, 0);
}

static void zip(struct buf *out, const char *name, const void *text, size_t n)
{
    zip_as(out, name, text, n, NULL);
}

static const char *read_jar(const char *path, const struct buf *b)
{
    struct inventory inv;
    struct err e = {0};
    int r = inventory_read(path, b->data, b->len, NULL, a, &inv, &e);
    return r < 0 ? err_code_name(r) : text_of(&inv);
}

static void jars(void)
{
    static const char properties[] = "#x\nversion=1.2\ngroupId=g\nartifactId=a\n";
    static const char manifest[] =
        "Manifest-Version: 1.0\r\nImplementation-Title: core\r\n"
        "Implementation-Version: 3.1\r\nBundle-SymbolicName: org.x.core\r\n";
    AUTO_BUF struct buf inner, outer, plain;
    a = arena_new(0);
    buf_init(&inner, 1 << 20);
    buf_init(&outer, 1 << 20);
    buf_init(&plain, 1 << 20);
    zip(&inner, "META-INF/maven/g/a/pom.properties", properties, sizeof properties - 1);
    T_EQ_STR(read_jar("/x.jar", &inner), "Maven g:a 1.2;", "properties");
    zip(&outer, "BOOT-INF/lib/a-1.2.jar", inner.data, inner.len);
    T_EQ_STR(read_jar("/app.jar", &outer), "Maven g:a 1.2;", "nested");
    zip(&plain, "META-INF/MANIFEST.MF", manifest, sizeof manifest - 1);
    T_EQ_STR(read_jar("/core-3.1.jar", &plain), "Maven org.x:core 3.1;", "manifest");
    buf_cut(&outer, outer.len / 2);
    T_EQ_STR(read_jar("/app.jar", &outer), "invalid", "cut off");
    arena_free(a);
}

/* A small jar around one that unpacks to more than any may. */
static void bombs(void)
{
    enum { SIZE = 65 << 20 };
    AUTO_BUF struct buf raw, jar;
    char *zeros = calloc(1, SIZE);
    z_stream z = {.next_in = (unsigned char *)zeros, .avail_in = SIZE};
    T_OK(zeros && deflateInit2(&z, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) == Z_OK, "zlib");
    a = arena_new(0);
    buf_init(&raw, 1 << 20);
    buf_init(&jar, 1 << 20);
    z.next_out = (unsigned char *)buf_reserve(&raw, 1 << 19);
    z.avail_out = 1 << 19;
    T_EQ_INT(deflate(&z, Z_FINISH), Z_STREAM_END, "deflate");
    raw.len = z.total_out;
    (void)deflateEnd(&z);
    zip_as(&jar, "lib/inner.jar", zeros, SIZE, &raw);
    T_OK(jar.len < 1 << 18, "it is small");
    T_EQ_STR(read_jar("/app.jar", &jar), "too large", "a bomb");
    free(zeros);
    arena_free(a);
}

T_MAIN(reads, jars, bombs)
