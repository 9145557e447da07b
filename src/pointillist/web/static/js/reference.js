// The calls of the server, read from its own OpenAPI description.

import { getJson } from "./api.js";

function element(tag, text, ...children) {
  const made = document.createElement(tag);
  made.textContent = text;
  made.append(...children);
  return made;
}

function nameOf(schema = {}) {
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.anyOf) return schema.anyOf.map(nameOf).join(" or ");
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" or ");
  if (schema.type === "array") return `list of ${nameOf(schema.items)}`;
  return schema.type || "anything";
}

function follow(schema, document) {
  return schema && schema.$ref ? document.components.schemas[nameOf(schema)] : schema;
}

function terms(rows) {
  const list = document.createElement("dl");
  for (const [name, meaning] of rows) list.append(element("dt", name), element("dd", meaning));
  return list;
}

function fieldsOf(operation, document) {
  const rows = (operation.parameters || []).map((parameter) => [
    parameter.name,
    `${nameOf(parameter.schema)}, in the ${parameter.in}${parameter.required ? "" : ", optional"}`,
  ]);
  const body = follow(operation.requestBody?.content?.["application/json"]?.schema, document);
  for (const [name, schema] of Object.entries(body?.properties || {})) {
    const optional = (body.required || []).includes(name) ? "" : ", optional";
    const says = schema.description ? `: ${schema.description}` : "";
    rows.push([name, `${nameOf(schema)}, in the body${optional}${says}`]);
  }
  return rows;
}

function answersOf(operation) {
  return Object.entries(operation.responses).map(([status, answer]) => {
    const schema = answer.content?.["application/json"]?.schema;
    return [status, answer.description + (schema ? ` (${nameOf(schema)})` : "")];
  });
}

function callOf(method, path, operation, document) {
  const title = element("h2", "", element("span", method.toUpperCase()), path);
  const says = element("p", operation.description || operation.summary || "");
  return element("article", "", title, says, terms([...fieldsOf(operation, document), ...answersOf(operation)]));
}

async function show() {
  const state = document.getElementById("reference-state");
  try {
    const description = await getJson("openapi.json");
    const calls = document.getElementById("calls");
    for (const [path, operations] of Object.entries(description.paths)) {
      for (const [method, operation] of Object.entries(operations)) {
        calls.append(callOf(method, path, operation, description));
      }
    }
    state.textContent = `${calls.children.length} calls, version ${description.info.version}.`;
  } catch (error) {
    state.textContent = error.message;
  }
}

show();
