"""einvoiced: the box beside the till that issues Taiwan's e-invoices and never repeats or loses a number."""

__version__ = "0.1.0"
