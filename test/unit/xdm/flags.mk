# The documents cache against stand-ins for Kamailio's headers ("../../core/..." starts from modules/sl), with helpers that run nginx and
# an HTTP server with bad manners.
xdm_sources := $(sort $(wildcard $(MODULE)/xdm/*.c)) $(MODULE)/ipc/clock.c $(MODULE)/ipc/mailbox.c $(addprefix $(abspath xdm)/,host.c nginx.c rogue.c driver.c)
xdm_cflags := -D_GNU_SOURCE -Ixdm/host/modules/sl -Ixdm $(shell pkg-config --cflags libcurl)
xdm_libs := $(shell pkg-config --libs libcurl)
