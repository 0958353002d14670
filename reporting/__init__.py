"""How far the work of stations has come: the plan of what should exist, facts from their stores, tables, and one page."""
