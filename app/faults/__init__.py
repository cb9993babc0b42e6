"""The fault campaign: what the bench does when everything goes wrong that can, tried and counted (``make faults``)."""
