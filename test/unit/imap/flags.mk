# The message-store client, with a helper that runs a private Dovecot and the proxy with bad manners in front of it.
imap_sources := $(sort $(wildcard $(MODULE)/imap/*.c)) $(abspath imap/dovecot.c)
imap_cflags := -D_GNU_SOURCE -Iimap -DSTACK='"$(abspath ../stack)"' $(shell pkg-config --cflags libcurl)
imap_libs := $(shell pkg-config --libs libcurl)
