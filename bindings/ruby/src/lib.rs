//! The Swiftiply connector for Ruby.
