"""What each instrument does (roles) and how a real one is asked for it (drivers)."""
