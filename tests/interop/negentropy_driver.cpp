// The same as negentropy_driver.js for the C++ of a negentropy checkout, whose timestamps have
// 64 bits (the JavaScript's have 31). Build: g++ -std=c++20 -I DIR/cpp THIS -lcrypto
#include <algorithm>
#include <cstring>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>

#include "negentropy.h"
#include "negentropy/storage/Vector.h"

using Storage = negentropy::storage::Vector;

static std::string bytesOf(const std::string &hex) {
    std::string bytes;
    for (size_t at = 0; at + 1 < hex.size(); at += 2)
        bytes.push_back(static_cast<char>(std::stoi(hex.substr(at, 2), nullptr, 16)));
    return bytes;
}

static std::string hexOf(const std::string &bytes) {
    static const char digits[] = "0123456789abcdef";
    std::string hex;
    for (unsigned char byte : bytes) {
        hex.push_back(digits[byte >> 4]);
        hex.push_back(digits[byte & 15]);
    }
    return hex;
}

int main() {
    uint64_t frameLimit = 0;
    std::unique_ptr<Storage> storage;
    std::unique_ptr<Negentropy<Storage>> side;
    std::string line;
    while (std::getline(std::cin, line)) {
        std::istringstream words(line);
        std::string verb, word;
        words >> verb;
        if (verb == "new") {
            words >> frameLimit;
            side.reset();
            storage = std::make_unique<Storage>();
        } else if (verb == "item") {
            uint64_t timestamp;
            words >> timestamp >> word;
            storage->insert(timestamp, bytesOf(word));
        } else if (verb == "seal") {
            storage->seal();
            side = std::make_unique<Negentropy<Storage>>(*storage, frameLimit);
        } else if (verb == "initiate") {
            std::cout << "message " << hexOf(side->initiate()) << std::endl;
        } else if (verb == "message") {
            words >> word;
            try {
                std::vector<std::string> have, need;
                std::optional<std::string> reply = side->isInitiator
                    ? side->reconcile(bytesOf(word), have, need)
                    : side->reconcile(bytesOf(word));
                for (auto &id : have) std::cout << "have " << hexOf(id) << "\n";
                for (auto &id : need) std::cout << "need " << hexOf(id) << "\n";
                if (reply) std::cout << "message " << hexOf(*reply) << std::endl;
                else std::cout << "done" << std::endl;
            } catch (std::exception &error) {
                std::cout << "error " << error.what() << std::endl;
            }
        } else {
            return 2;
        }
    }
}
