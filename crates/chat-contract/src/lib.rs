//! What every adapter must honour, as lists of clauses; a dev-dependency only
