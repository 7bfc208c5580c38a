"""Notify decides who hears: subscriptions, matching, digests, delivery."""
