# The mailbox is built against stand-ins for the two Kamailio headers that it needs; "../../core/..." starts from modules/sl.
ipc_sources := $(MODULE)/ipc/mailbox.c
ipc_cflags := -Iipc/stub/modules/sl
