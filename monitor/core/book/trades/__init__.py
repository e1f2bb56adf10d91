"""Trades as registers: segments of flow, cells, marks, busts."""
