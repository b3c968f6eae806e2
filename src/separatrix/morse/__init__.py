"""Critical points in full, what connects them, and Morse theory (§3, §8, §9)."""
