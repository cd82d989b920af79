"""Spoken digits: corpus, words, evaluation, release."""
