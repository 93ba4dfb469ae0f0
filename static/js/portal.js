// @ts-check
// What every page of the portal does beyond plain links and forms. Nothing here is needed to use a page.

import "./bulk.js";
import "./controls.js";
import "./graph.js";
import "./keys.js";
import "./live.js";
import "./longlists.js";
import "./times.js";
