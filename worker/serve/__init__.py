"""Texts in and labels out over HTTP. Alone imports starlette and uvicorn; of ours it knows labelling and below."""
