# What records conversations, built against stand-ins for Kamailio's headers ("../../core/..." starts from modules/sl) and for what is
# around it.
recorder_sources := $(abspath recorder/outside.c) $(MODULE)/media/chronicle.c $(MODULE)/queue/recorder.c $(MODULE)/script/draft.c $(MODULE)/module/logged.c
recorder_cflags := -D_GNU_SOURCE -Wno-unused-parameter -Isim/host/modules/sl
