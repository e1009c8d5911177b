# What of the shell needs nothing of Kamailio.
shell_sources := $(MODULE)/queue/ticket.c $(MODULE)/queue/bucket.c
