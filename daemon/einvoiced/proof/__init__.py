"""What stands on paper: an invoice as blocks (content), placed boxes (layout), dots (raster), printer bytes (commands).

Knows `rules` and no device. The heavy libraries load with the first print, in the thread that asks for it.
"""
