# The simulation: the module's own sources in a shared object, built against stand-ins for Kamailio's headers ("../../core/..." starts
# from modules/sl) and loaded once a node; a private Redis; the world around them.
sim_sources := $(sort $(wildcard $(MODULE)/redis/*.c)) $(abspath redis/server.c) $(addprefix $(abspath sim)/,calendar.c events.c fleet.c ledger.c outside.c setup.c trouble.c world.c)
sim_cflags := -D_GNU_SOURCE -I$(OUT) -Iredis -Isim -DNODE='"$(OUT)/sim/node.so"' $(shell pkg-config --cflags hiredis)
sim_libs := $(shell pkg-config --libs hiredis) -ldl
sim_depends := $(OUT)/lua_scripts.h $(OUT)/sim/node.so

sim_node_src := $(abspath sim/node.c) $(addprefix $(MODULE)/module/,logged.c outcome.c ticket.c) $(addprefix $(MODULE)/queue/,push.c run.c flight.c judge.c session.c session_report.c bucket.c claims.c due.c ending.c report.c) \
	$(sort $(wildcard $(MODULE)/redis/*.c))
$(OUT)/sim/node.so: $(sim_node_src) $(OUT)/lua_scripts.h $(OUT)/libcpm.a
	@mkdir -p $(@D)
	@echo "  CC sim/node.so"
	@$(CC) $(CFLAGS) -Wno-unused-parameter -fPIC -shared -D_GNU_SOURCE -Isim/host/modules/sl -Isim -I$(OUT) -I$(MODULE) $(XML_CFLAGS) $(shell pkg-config --cflags hiredis) \
		-MMD -MP -MF $@.d $(sim_node_src) -Wl,-Bsymbolic -Wl,--wrap=store_next $(OUT)/libcpm.a -o $@ \
		$(shell pkg-config --libs hiredis libxml-2.0)

-include $(OUT)/sim/node.so.d
