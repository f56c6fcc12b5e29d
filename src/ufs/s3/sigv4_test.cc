// The examples of "Signature Calculations for the Authorization Header" in the S3 documentation, and names that are easily got
// wrong.
#include "ufs/s3/sigv4.h"

#include <gtest/gtest.h>

#include "ufs/s3/sha256.h"

namespace forebay::ufs {
namespace {

const Credentials kExample{"AKIAIOSFODNN7EXAMPLE", Secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"), {}, {}, ""};
const os::WallTime kDay = os::from_unix_nanos(1'369'353'600'000'000'000);  // 2013-05-24T00:00:00Z
constexpr const char* kEmptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

std::string header(const SignedParts& parts, std::string_view name) {
  for (const auto& [key, value] : parts.headers) {
    if (key == name) return value;
  }
  return "";
}
std::string signature(const SignedParts& parts) {
  const std::string authorization = header(parts, "authorization");
  return authorization.substr(authorization.find("Signature=") + 10);
}
SignedParts example(std::string method, std::string path, NamedValues query, NamedValues headers, std::string hash = kEmptyHash) {
  headers.emplace_back("host", "examplebucket.s3.amazonaws.com");
  SignedParts parts{std::move(method), std::move(path), std::move(query), std::move(headers), std::move(hash)};
  sign(parts, kExample, "us-east-1", kDay);
  return parts;
}

TEST(SigV4, signs_the_published_get_of_a_range) {
  const SignedParts parts = example("GET", "/test.txt", {}, {{"range", "bytes=0-9"}});
  EXPECT_EQ(header(parts, "x-amz-date"), "20130524T000000Z");
  EXPECT_EQ(signature(parts), "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
  EXPECT_NE(header(parts, "authorization")
                .find("Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=host;range;"
                      "x-amz-content-sha256;x-amz-date,"),
            std::string::npos);
}

TEST(SigV4, signs_the_published_put) {
  const SignedParts parts = example("PUT", "/" + uri_encode("test$file.text", true), {},
                                    {{"date", "Fri, 24 May 2013 00:00:00 GMT"}, {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
                                    "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072");
  EXPECT_EQ(signature(parts), "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
}

TEST(SigV4, signs_the_published_request_with_a_name_only_query) {
  EXPECT_EQ(signature(example("GET", "/", {{"lifecycle", ""}}, {})),
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
}

TEST(SigV4, signs_the_published_listing_whatever_the_order_of_its_query) {
  const std::string expected = "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7";
  EXPECT_EQ(signature(example("GET", "/", {{"max-keys", "2"}, {"prefix", "J"}}, {})), expected);
  EXPECT_EQ(signature(example("GET", "/", {{"prefix", "J"}, {"max-keys", "2"}}, {})), expected);
}

TEST(SigV4, knows_the_hash_of_the_published_body) {
  EXPECT_EQ(sha256_hex(""), kEmptyHash);
  EXPECT_EQ(sha256_hex("Welcome to Amazon S3."), "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072");
}

TEST(SigV4, encodes_every_byte_but_the_unreserved_once) {
  EXPECT_EQ(uri_encode("a=b"), "a%3Db");
  EXPECT_EQ(uri_encode("a+b"), "a%2Bb");
  EXPECT_EQ(uri_encode("a%2Bb"), "a%252Bb");
  EXPECT_EQ(uri_encode("a b*~"), "a%20b%2A~");
  EXPECT_EQ(uri_encode("käse/😀", true), "k%C3%A4se/%F0%9F%98%80");
  EXPECT_EQ(uri_encode("/.hidden/x"), "%2F.hidden%2Fx");
  EXPECT_EQ(uri_encode(std::string(255, 'n')), std::string(255, 'n'));
  EXPECT_EQ(uri_encode(std::string(1, '\xff')), "%FF");
}

TEST(SigV4, sorts_the_query_by_its_encoded_form) {
  EXPECT_EQ(canonical_query({{"b", "2"}, {"a+", "x"}, {"a", "/="}, {"a", "+"}}), "a=%2B&a=%2F%3D&a%2B=x&b=2");
}

TEST(SigV4, signs_the_session_token) {
  Credentials temporary = kExample;
  temporary.session_token = Secret("token");
  SignedParts parts{"GET", "/", {}, {{"host", "h"}}, kEmptyHash};
  sign(parts, temporary, "us-east-1", kDay);
  EXPECT_EQ(header(parts, "x-amz-security-token"), "token");
  EXPECT_NE(header(parts, "authorization").find("x-amz-security-token"), std::string::npos);
}

TEST(SigV4, signs_nothing_for_anonymous_requests) {
  SignedParts parts{"GET", "/", {}, {{"host", "h"}}, kEmptyHash};
  sign(parts, {}, "us-east-1", kDay);
  EXPECT_EQ(header(parts, "authorization"), "");
  EXPECT_EQ(header(parts, "x-amz-date"), "");
}

TEST(SigV4, joins_spaces_in_header_values) {
  SignedParts parts{"GET", "/", {}, {{"host", "h"}, {"x-amz-meta-a", "  two   words "}}, kEmptyHash};
  EXPECT_NE(canonical_request(parts).find("x-amz-meta-a:two words\n"), std::string::npos);
}

}  // namespace
}  // namespace forebay::ufs
