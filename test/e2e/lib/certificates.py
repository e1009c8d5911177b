# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Certificates for tests, signed by themselves."""

import subprocess
from pathlib import Path


def certificate(folder, name, *, subject="localhost", names="IP:127.0.0.1"):
    """A PEM file with certificate and key; beside it the certificate alone, with .crt behind its name."""
    path = Path(folder) / name
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30", "-subj", f"/CN={subject}",
         "-addext", f"subjectAltName={names}", "-keyout", f"{path}.key", "-out", f"{path}.crt"], check=True, capture_output=True,
    )
    path.write_bytes(Path(f"{path}.crt").read_bytes() + Path(f"{path}.key").read_bytes())
    return str(path)
