//! What a browser has no use for leaves a script or a style before it is served: comments, indentation, blanks beside punctuation.
//!
//! It is a lexer and no more: strings, templates and regular expressions pass as they are, and names stay; `const` becomes `let`, `(x) =>` becomes `x =>`. It knows the manner our own
//! files are written in, where every statement ends with a semicolon or a brace and none is empty, and is not meant for those of
//! others: elsewhere the end of a line may be a semicolon (ECMA-262 §12.10).

/// A script.
pub(super) fn script(source: &str) -> String {
    Squeeze::new(source).script()
}

/// A style.
pub(super) fn style(source: &str) -> String {
    Squeeze::new(source).style()
}

struct Squeeze<'a> {
    left: &'a str,
    out: String,
}

impl<'a> Squeeze<'a> {
    fn new(source: &'a str) -> Self {
        Self { left: source, out: String::with_capacity(source.len()) }
    }

    fn script(mut self) -> String {
        while let Some(next) = self.left.chars().next() {
            match next {
                '\'' | '"' => self.take(quoted(self.left, next)),
                '`' => self.take(template(self.left)),
                '/' if self.left.starts_with("//") => self.skip(self.left.find('\n').unwrap_or(self.left.len())),
                '/' if self.left.starts_with("/*") => self.skip_comment(),
                '/' if self.may_begin_expression() => self.take(regular_expression(self.left)),
                blank if blank.is_whitespace() => self.blank(),
                '(' if !self.out.ends_with(is_name) => {
                    let name = lone_parameter(self.left).unwrap_or_default();
                    self.out.push_str(name);
                    if name.is_empty() { self.take(1) } else { self.skip(name.len() + 2) }
                }
                '}' => self.close(),
                // To a browser it is the same, and there are hundreds.
                'c' if self.left.starts_with("const ")
                    && !self.out.ends_with(|last: char| is_name(last) || last == '.') =>
                {
                    self.out.push_str("let ");
                    self.skip("const ".len());
                }
                other => self.take(other.len_utf8()),
            }
        }
        self.out
    }

    fn style(mut self) -> String {
        while let Some(next) = self.left.chars().next() {
            match next {
                '"' | '\'' => self.take(quoted(self.left, next)),
                '/' if self.left.starts_with("/*") => self.skip_comment(),
                blank if blank.is_whitespace() => {
                    self.left = self.left.trim_start();
                    let is_needless =
                        self.left.starts_with(['{', '}', ';', ',']) || self.out.ends_with(['{', '}', ';', ',', ':']);
                    if !is_needless && !self.out.is_empty() && !self.left.is_empty() {
                        self.out.push(' ');
                    }
                }
                '}' => self.close(),
                other => self.take(other.len_utf8()),
            }
        }
        self.out
    }

    /// The semicolon before a closing brace is one too many.
    fn close(&mut self) {
        if self.out.ends_with(';') {
            self.out.pop();
        }
        self.take(1);
    }

    fn take(&mut self, length: usize) {
        let (taken, left) = self.left.split_at_checked(length).unwrap_or((self.left, ""));
        self.out.push_str(taken);
        self.left = left;
    }

    fn skip(&mut self, length: usize) {
        self.left = self.left.get(length..).unwrap_or_default();
    }

    fn skip_comment(&mut self) {
        self.skip(self.left.find("*/").map_or(self.left.len(), |at| at + 2));
    }

    /// A slash after a value divides; anywhere else it begins a regular expression.
    fn may_begin_expression(&self) -> bool {
        let before = self.out.trim_end();
        let is_after_word = ["return", "case", "of", "in", "typeof"].iter().any(|word| before.ends_with(word));
        is_after_word
            || !before.ends_with(|last: char| is_name(last) || matches!(last, ')' | ']' | '}' | '\'' | '"' | '`'))
    }

    /// Blanks and ends of lines, comments among them left out.
    fn blank(&mut self) {
        let rest = self.left.trim_start();
        let (blanks, _) = self.left.split_at(self.left.len() - rest.len());
        let ends_line = blanks.contains('\n');
        self.left = rest;
        if self.out.is_empty() || rest.is_empty() || rest.starts_with("//") {
            // The end of a line that a comment stands on is seen after the comment.
            if ends_line
                && !self.out.is_empty()
                && !rest.is_empty()
                && !self.out.ends_with(['\n', '{', '}', ',', ';', '(', '['])
            {
                self.out.push('\n');
            }
            return;
        }
        let (Some(last), Some(next)) = (self.out.chars().next_back(), rest.chars().next()) else { return };
        let parts_names = (is_name(last) && is_name(next)) || (last == next && matches!(last, '+' | '-'));
        if ends_line {
            if !matches!(last, '\n' | '{' | '}' | ',' | ';' | '(' | '[')
                && !matches!(next, '}' | ')' | ']' | '.' | ':' | '?')
            {
                self.out.push('\n');
            }
        } else if parts_names {
            self.out.push(' ');
        }
    }
}

/// `x` of `(x) =>`, which needs no parentheses.
fn lone_parameter(text: &str) -> Option<&str> {
    let (name, rest) = text.strip_prefix('(')?.split_once(')')?;
    (!name.is_empty() && name.chars().all(is_name) && rest.trim_start().starts_with("=>")).then_some(name)
}

/// Of names, numbers and keywords.
fn is_name(char: char) -> bool {
    char.is_alphanumeric() || matches!(char, '_' | '$' | '#') || !char.is_ascii()
}

/// How long the text in quotes is, at whose opening quote `text` begins.
fn quoted(text: &str, quote: char) -> usize {
    let mut is_escaped = false;
    let end = text.char_indices().skip(1).find(|(_, char)| {
        let ends = *char == quote && !is_escaped;
        is_escaped = *char == '\\' && !is_escaped;
        ends
    });
    end.map_or(text.len(), |(at, _)| at + 1)
}

/// How long the template is; what stands in its `${…}` may hold strings and templates.
fn template(text: &str) -> usize {
    let mut at = 1;
    let mut depth = 0_usize;
    while let Some(rest) = text.get(at..) {
        let Some(next) = rest.chars().next() else { break };
        at += match next {
            '\\' => 1 + rest.chars().nth(1).map_or(0, char::len_utf8),
            '`' if depth == 0 => return at + 1,
            '`' => template(rest),
            '\'' | '"' if depth > 0 => quoted(rest, next),
            '$' if depth == 0 && rest.starts_with("${") => {
                depth = 1;
                2
            }
            '{' if depth > 0 => {
                depth += 1;
                1
            }
            '}' if depth > 0 => {
                depth -= 1;
                1
            }
            other => other.len_utf8(),
        };
    }
    text.len()
}

/// How long the regular expression is, its flags apart.
fn regular_expression(text: &str) -> usize {
    let (mut is_escaped, mut is_class) = (false, false);
    let end = text.char_indices().skip(1).find(|(_, char)| {
        let ends = *char == '/' && !is_escaped && !is_class;
        if !is_escaped && matches!(char, '[' | ']') {
            is_class = *char == '[';
        }
        is_escaped = *char == '\\' && !is_escaped;
        ends
    });
    end.map_or(text.len(), |(at, _)| at + 1)
}

#[cfg(test)]
mod tests {
    use super::{script, style};

    #[test]
    fn comments_and_needless_blanks_leave() {
        let source = "// Head.\nimport { a } from './a.js';\n\n/** Doc. */\nexport const f = (x) => {\n  return x + 1; // why\n};\n";
        assert_eq!(script(source), "import{a}from'./a.js';export let f=x=>{return x+1};");
        assert_eq!(script("a + +b - -c\nlet d = a\nreturn"), "a+ +b- -c\nlet d=a\nreturn");
        assert_eq!(script("f() // one\ng()"), "f()\ng()");
        assert_eq!(script("if (a) {\n  b;\n}\nc;"), "if(a){b}c;");
        assert_eq!(script("async (x) => f((y) => (y))"), "async(x)=>f(y=>(y))");
        assert_eq!(script("x\n  .y()\n  ? 1\n  : 2"), "x.y()?1:2");
    }

    #[test]
    fn texts_pass_as_they_are() {
        for text in [
            "'a // b  c'",
            r#""it\"s  /* no */""#,
            "`a  ${b(`c  ${'}'} `) + { d : 1 }}  // e`",
            r"/[/ '\]]  \/ x/gu",
            r"`\`  \${`",
        ] {
            assert_eq!(script(&format!("f( {text} )")), format!("f({text})"));
        }
        assert_eq!(script("const a = b / c / d;"), "let a=b/c/d;");
        assert_eq!(script("return /a  b/u.test(x)"), "return/a  b/u.test(x)");
    }

    #[test]
    fn a_style_keeps_what_it_means() {
        let source =
            "/* x */\na :hover, .b > i { color: red; width: calc(1px - 2em); content: \"a  ;\" }\n\n.c { x: y; }\n";
        assert_eq!(style(source), "a :hover,.b > i{color:red;width:calc(1px - 2em);content:\"a  ;\"}.c{x:y}");
    }
}
