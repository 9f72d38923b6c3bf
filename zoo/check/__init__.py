"""Checking data before training: every file is read once and every fault named."""

from zoo.check.checking import Check, check_data
from zoo.check.opening import Opened, find_data, open_for_check

__all__ = ["Check", "Opened", "check_data", "find_data", "open_for_check"]
