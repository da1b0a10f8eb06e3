# The daily verbs. Everything else: script/ and meson.
BUILD ?= build
MESON_FLAGS ?=
CC := $(if $(shell command -v ccache),ccache gcc,gcc)
export CC

.PHONY: all test asan tsan clang fuzz lint golden bench format install clean

all: $(BUILD)/build.ninja
	ninja -C $(BUILD)

$(BUILD)/build.ninja:
	meson setup $(BUILD) $(MESON_FLAGS)

test: all
	script/test-summary $(BUILD)

asan:
	$(MAKE) test BUILD=build-asan MESON_FLAGS="-Db_sanitize=address,undefined -Db_lundef=false"

tsan:
	$(MAKE) test BUILD=build-tsan MESON_FLAGS="-Db_sanitize=thread -Db_lundef=false"

clang:
	$(MAKE) all BUILD=build-clang CC="ccache clang"

fuzz: all
	script/fuzz $(BUILD)

lint:
	tools/lint

golden: all
	SLIPWAY_GOLDEN=write script/test-summary $(BUILD)

bench: all
	script/bench

format:
	git ls-files 'src/**.[ch]' 'tests/**.[ch]' 'fuzz/*.c' | xargs clang-format -i

install: all
	ninja -C $(BUILD) install

clean:
	rm -rf build build-asan build-tsan build-clang
