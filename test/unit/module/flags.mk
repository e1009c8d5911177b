# What of module/ needs nothing of Kamailio.
module_sources := $(MODULE)/module/ticket.c $(MODULE)/module/bucket.c
