"""What people are told: the texts, one file per matter and language, and how they are filled in."""
