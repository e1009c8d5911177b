# A lane between legs that the test makes up.
lane_sources := $(MODULE)/media/lane.c
lane_cflags := -D_GNU_SOURCE
