# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""The sections of the bench, in the order in which they run. Each is a module with FIGURES and run(rig)."""

from . import deep_queue, defer, everysec, expiry, large, memory, message_store, pager_check, policy, push, registrations, storm

ORDER = policy, pager_check, defer, everysec, push, memory, storm, expiry, registrations, deep_queue, message_store, large
SECTIONS = {module.__name__.rpartition(".")[2]: module for module in ORDER}
