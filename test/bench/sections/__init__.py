# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""The sections of the bench, in the order in which they run. Each is a module with FIGURES and run(rig)."""

from . import defer, everysec, large, memory, message_store, pager_check, policy, push, storm

SECTIONS = {module.__name__.rpartition(".")[2]: module for module in (policy, pager_check, defer, everysec, push, memory, storm, message_store, large)}
