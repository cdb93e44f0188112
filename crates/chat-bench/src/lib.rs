//! Load generator and verifier that anybody can run against any deployment
