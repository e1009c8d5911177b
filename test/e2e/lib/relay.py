# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""An MSRP relay that is not ours: Kamailio's own module msrp (RFC 4976), in a server of its own."""

import socket
from pathlib import Path

from ports import free_port
from process import Process, wait_until
from stack import program

# As in the module's documentation, but for peers that have no relay: there both ways have one more hop, so where a request
# comes from says which way it goes. A response to a client's request ends here: it is hop by hop.
CONFIG = """#!KAMAILIO
debug=2
log_stderror=yes
children=1
tcp_children=2
auto_aliases=no
tcp_accept_no_cl=yes
tcp_rd_buf_size=65535
tcp_conn_wq_max=8388608
tcp_wq_max=33554432
listen=tcp:{address}
loadmodule "kex.so"
loadmodule "pv.so"
loadmodule "sl.so"
loadmodule "htable.so"
loadmodule "msrp.so"
modparam("htable", "htable", "clients=>size=4;autoexpire=600;")
modparam("msrp", "cmap_size", 4)
request_route {{
	sl_send_reply("403", "No SIP Here");
}}
event_route[msrp:frame-in] {{
	msrp_reply_flags("1");
	if (msrp_is_reply()) exit;
	if ($msrp(method) == "AUTH") {{
		$sht(clients=>$msrp(srcaddr)) = 1;
		msrp_cmap_save();
	}} else if ($sht(clients=>$msrp(srcaddr)) == 1) {{
		msrp_reply("200", "OK");
		msrp_relay();
	}} else if (msrp_cmap_lookup()) {{
		msrp_reply("200", "OK");
		msrp_relay_flags("1");
		msrp_relay();
	}} else {{
		msrp_reply("481", "Session-does-not-exist");
	}}
}}
"""


class Relay:
    """Listens on a port of its own for clients and for their peers. uri is what a client authenticates at."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.address = f"127.0.0.1:{free_port()}"
        self.uri = f"msrp://{self.address};tcp"
        self.log = self.folder / "kamailio.log"
        self.process = None

    def start(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        config = self.folder / "kamailio.cfg"
        config.write_text(CONFIG.format(address=self.address), encoding="utf-8")
        argv = [program("kamailio"), "-f", str(config), "-P", str(self.folder / "kamailio.pid"), "-Y", str(self.folder), "-m", "64", "-DD", "-E"]
        self.process = Process.start("relay", argv, self.log)
        wait_until(self._listens, 20, f"the relay, see {self.log}")
        return self

    def _listens(self):
        assert self.process.alive(), self.log.read_text(errors="replace")[-2000:]
        host, _, port = self.address.partition(":")
        with socket.socket() as s:
            return s.connect_ex((host, int(port))) == 0

    def stop(self):
        """True when it ended by itself."""
        return self.process.stop()


__all__ = ["Relay"]
