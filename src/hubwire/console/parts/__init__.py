"""Parts that several pages share: attempts, budget, charts, formats, lanes, snippets."""
