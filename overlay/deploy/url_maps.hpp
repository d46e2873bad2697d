// The addresses by which agents speak of each other (A2A cards, push and artifact URLs), for each
// listener of a sidecar. A program knows itself by its port and others by its slots; between
// sidecars every provide has one name, "amber://route/<base64url of its route id>" (reference
// §8.6). An interposer puts its own address in the place of what it stands before, so that nobody
// gets around it; a built-in one has no address that anybody is told.
// Tested by tests/unit/overlay/sidecar_files_test.cpp.
#pragma once

#include "overlay/deploy/deployment.hpp"

#include <string>
#include <vector>

namespace sluice::overlay {

struct UrlMap {
  std::string from, to;
  bool operator==(const UrlMap&) const = default;
};
struct UrlMaps { // of one listener; both empty: it passes on what it gets
  std::vector<UrlMap> request, response;
};

// "component:/responder:a2a:http", and its URL.
std::string route_id(const Scenario& scenario, const Inlet& inlet);
std::string route_url(const std::string& route_id);

UrlMaps inlet_urls(const Scenario& scenario, const Deployment& of, UnitId unit, std::size_t inlet);
UrlMaps outlet_urls(const Scenario& scenario, const Deployment& of, UnitId unit,
                    std::size_t outlet);
// `shown`: how callers outside write the listener's address.
UrlMaps export_urls(const Scenario& scenario, const Deployment& of, UnitId unit,
                    const Export& offered, const std::string& shown);

} // namespace sluice::overlay
