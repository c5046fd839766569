"""Makes the tenant itself ready, on request only: what it shall be like, the way there, and whether it stayed so."""
