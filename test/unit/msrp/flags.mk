# The endpoint's own sources, and a certificate for MSRP over TLS.
msrp_sources := $(sort $(wildcard $(MODULE)/msrp/*.c)) $(abspath msrp/driver.c)
msrp_cflags := -D_GNU_SOURCE -Imsrp -DCERTIFICATE='"$(OUT)/msrp-certificate.pem"' $(shell pkg-config --cflags openssl)
msrp_libs := $(shell pkg-config --libs openssl)
msrp_depends := $(OUT)/msrp-certificate.pem

$(OUT)/msrp-certificate.pem:
	@mkdir -p $(@D)
	@openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -subj /CN=localhost \
		-addext subjectAltName=IP:127.0.0.1,DNS:localhost -keyout $@.key -out $@.crt 2>/dev/null
	@cat $@.crt $@.key >$@
