// Shows openapi.json and asyncapi.json. Everything is made of text nodes: nothing in a document can become markup.
"use strict";

function make(name, text, ...children) {
  const element = document.createElement(name);
  if (text) element.textContent = text;
  element.append(...children);
  return element;
}

function nameOf(reference) {
  return reference.split("/").pop();
}

// The type of a schema in a few words.
function kind(schema) {
  if (!schema) return "";
  if (schema.$ref) return nameOf(schema.$ref);
  if ("const" in schema) return JSON.stringify(schema.const);
  for (const how of ["oneOf", "anyOf"]) if (schema[how]) return schema[how].map(kind).join(" or ");
  if (schema.allOf) return schema.allOf.map(kind).join(" and ");
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" or ");
  if (schema.type === "array") return "list of " + kind(schema.items);
  const type = [].concat(schema.type || "anything").join(" or ");
  return schema.format ? `${type} (${schema.format})` : type;
}

function row(...cells) {
  return make("tr", "", ...cells.map((cell) => make("td", cell)));
}

function members(schema) {
  const table = make("table");
  const required = new Set(schema.required || []);
  for (const [name, member] of Object.entries(schema.properties || {})) {
    const must = required.has(name) ? "required" : "";
    table.append(row(name, kind(member), must, member.description || ""));
  }
  for (const part of schema.allOf || []) {
    if (part.$ref) table.append(row("…", nameOf(part.$ref), "", "and its members"));
    else table.append(...members(part).children);
  }
  return table;
}

function operation(method, path, it) {
  const title = make("summary", "", make("b", method.toUpperCase()), make("code", path), make("span", it.summary));
  const box = make("details", "", title, make("p", it.description || ""));
  if (it.parameters && it.parameters.length) {
    const table = make("table");
    for (const p of it.parameters) table.append(row(p.name, p.in, kind(p.schema), p.description || ""));
    box.append(table);
  }
  const body = it.requestBody && it.requestBody.content["application/json"].schema;
  if (body) box.append(make("p", "Takes " + kind(body)));
  const answers = make("table");
  for (const [status, answer] of Object.entries(it.responses)) {
    const content = Object.values(answer.content || {})[0];
    const schema = content && content.schema;
    const items = schema && schema.properties && schema.properties.items;
    answers.append(row(status, answer.description, items ? "page of " + kind(items.items) : kind(schema)));
  }
  box.append(answers);
  return box;
}

function rest(document_) {
  const groups = new Map();
  for (const [path, methods] of Object.entries(document_.paths)) {
    for (const [method, it] of Object.entries(methods)) {
      const tag = it.tags[0];
      if (!groups.has(tag)) groups.set(tag, []);
      groups.get(tag).push(operation(method, path, it));
    }
  }
  const section = document.getElementById("rest");
  for (const [tag, operations] of groups) section.append(make("h3", tag), ...operations);
}

function socket(document_) {
  const section = document.getElementById("socket");
  for (const [action, title] of [["receive", "Client to server"], ["send", "Server to client"]]) {
    section.append(make("h3", title));
    for (const { $ref } of document_.operations[action].messages) {
      const message = document_.components.messages[nameOf($ref)];
      const summary = make("summary", "", make("code", message.name), make("span", message.summary));
      section.append(make("details", "", summary, make("p", kind(message.payload.allOf[1]))));
    }
  }
}

function schemas(...documents) {
  const all = Object.assign({}, ...documents.map((it) => it.components.schemas));
  const section = document.getElementById("schemas");
  for (const name of Object.keys(all).sort()) {
    const schema = all[name];
    const summary = make("summary", "", make("code", name), make("span", schema.description || ""));
    const box = make("details", "", summary);
    box.append(schema.properties || schema.allOf ? members(schema) : make("p", kind(schema)));
    section.append(box);
  }
}

function errors(document_) {
  const list = document.getElementById("errors");
  for (const code of document_.components.schemas.Problem.properties.code.enum) {
    const link = make("a", code);
    link.href = "/errors/" + code;
    list.append(make("li", "", link));
  }
}

async function load(path) {
  const answer = await fetch(path);
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

async function show() {
  const state = document.getElementById("state");
  try {
    const [openapi, asyncapi] = await Promise.all([load("/openapi.json"), load("/asyncapi.json")]);
    rest(openapi);
    socket(asyncapi);
    schemas(openapi, asyncapi);
    errors(openapi);
    state.remove();
  } catch (error) {
    state.textContent = "The documents could not be shown: " + error.message;
  }
}

show();
