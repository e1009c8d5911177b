# The store's own sources, its embedded scripts, and the helper that runs private servers.
redis_sources := $(sort $(wildcard $(MODULE)/redis/*.c)) $(abspath redis/server.c)
redis_cflags := -D_GNU_SOURCE -I$(OUT) -Iredis $(shell pkg-config --cflags hiredis)
redis_libs := $(shell pkg-config --libs hiredis)
redis_depends := $(OUT)/lua_scripts.h

lua_src := $(sort $(wildcard $(MODULE)/redis/lua/*.lua))
$(OUT)/lua_scripts.h: $(lua_src) $(MODULE)/redis/lua/embed.sh
	@mkdir -p $(@D)
	sh $(MODULE)/redis/lua/embed.sh $(lua_src) >$@.new && mv $@.new $@
