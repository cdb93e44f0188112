//! Secrets: access tokens (JWT) and passwords (bcrypt)
