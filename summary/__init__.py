"""Figures in, verdicts and the letter out."""
