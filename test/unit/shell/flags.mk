# What of the shell needs nothing of Kamailio.
shell_sources := $(MODULE)/module/ticket.c $(MODULE)/queue/bucket.c $(MODULE)/media/pace.c
