//! What a room may touch: the context of a request, tables, reconcilers.
