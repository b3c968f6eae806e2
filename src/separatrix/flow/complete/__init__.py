"""All critical points in a box of few dimensions, proved complete: branch and bound with interval Hessians (§8)."""
