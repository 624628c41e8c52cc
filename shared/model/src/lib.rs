//! Ids, definitions and states: the nouns that every other crate shares.
