//! `option v = {...}`: what a dashboard puts before its queries. Each `v.x` becomes what stands there.

use super::parse::{Expr, Node};

/// Puts the variables into an expression. The error is the server's.
pub(super) fn put_in(expr: &mut Expr, variables: &Expr) -> Result<(), String> {
    if let Node::Member(of, label) = &expr.node
        && let Node::Ident(name) = &of.node
        && name == "v"
    {
        let Node::Record { with: None, fields } = &variables.node else {
            return Err(format!("error @{}-{}: v is no record", of.start, of.end));
        };
        let (_, value) = fields.iter().find(|(known, _)| known == label).ok_or_else(|| {
            let label = String::from_utf8_lossy(label);
            format!("error @{}-{}: record is missing label {label}", of.start, of.end)
        })?;
        expr.node = value.node.clone();
        return Ok(());
    }
    match &mut expr.node {
        Node::Member(of, _) | Node::Unary(_, of) | Node::Function { body: of, .. } => {
            put_in(of, variables)
        }
        Node::Pipe(left, right) | Node::Binary(_, left, right) => {
            put_in(left, variables)?;
            put_in(right, variables)
        }
        Node::Array(items) => items.iter_mut().try_for_each(|item| put_in(item, variables)),
        Node::Record { fields, .. } => {
            fields.iter_mut().try_for_each(|(_, field)| put_in(field, variables))
        }
        Node::Call { callee, arguments } => {
            put_in(callee, variables)?;
            arguments.iter_mut().try_for_each(|(_, argument)| put_in(argument, variables))
        }
        Node::Ident(_)
        | Node::String(_)
        | Node::Regex(_)
        | Node::Int(_)
        | Node::Float(_)
        | Node::Time(_)
        | Node::Duration(_) => Ok(()),
    }
}
