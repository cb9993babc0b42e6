"""Campaigns: lists of runs that are carried out unattended, and taken up again after a crash."""
