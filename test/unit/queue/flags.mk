queue_cflags := -DGOLDEN='"$(abspath queue/golden)"'
