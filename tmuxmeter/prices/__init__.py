"""What tokens cost: dated prices from genai-prices, what vendors add, and the user's own."""

from __future__ import annotations

from tmuxmeter.prices.book import PriceBook

__all__ = ["PriceBook"]
